NAME = 'ÿþ'
