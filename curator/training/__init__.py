"""The mechanism of a training: records in, weights out; only response tokens carry loss.

It knows no workspace, no store and no version: `curator.runs` brings the records and keeps what comes out.
"""
