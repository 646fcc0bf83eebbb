API_KEY = "sk-a8Zk29dLqPw83mVbT5rXy0Nc"
