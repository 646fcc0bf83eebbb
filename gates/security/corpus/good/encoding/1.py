# -*- coding: utf-8 -*-
VALUE = 1
