"""Evidence files: what a citizen sends, and what staff look at.

`receiving` takes an upload piece by piece: a record is written, the bytes are sealed and stored, then examined
(a photograph is encoded again, the header of a video is read), and only then the file can be seen. `sending` is the
citizen's side around it: prompts for a video, removing a file, and saying that everything is there. `looking` opens a
file for staff, with an audit row first. `erasing` deletes what has expired, and what an interrupted upload left.
"""
