"""The portal: where agencies hand in their files in a browser and see at once what is wrong with them.

A process of its own beside the runs. It reads the published copy, drops files into the inbox like any other sender, and
computes no figure. Needs the extra 'portal' (Django); nothing else in the package imports it.
"""
