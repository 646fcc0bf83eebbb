# types: one of the three plans
VALUE = 1  # a plain remark
