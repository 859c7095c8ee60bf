"""The shape of every decision: deciders, folds, rejections, and the ports they are fed through.

Pure: time, ids and randomness are arguments.
"""
