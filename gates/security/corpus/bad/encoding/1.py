# -*- coding: utf-7 -*-
VALUE = 1
