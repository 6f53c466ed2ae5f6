"""Reads frames with imageio from one ffmpeg and writes them, changed, to another, both in pipes."""
import hashlib
import sys

import imageio

reader = imageio.get_reader(sys.argv[1], "ffmpeg")
meta = reader.get_meta_data()
print(sorted((key, value) for key, value in meta.items()))

writer = imageio.get_writer(
    "negative.mkv", "ffmpeg", fps=meta["fps"], codec="libx264", macro_block_size=4,
    output_params=["-bitexact", "-threads", "1"],
)
digest = hashlib.sha256()
for frame in reader:
    digest.update(frame.tobytes())
    writer.append_data(255 - frame)
writer.close()
print(digest.hexdigest())

reader.set_image_index(30)  # a new ffmpeg that starts elsewhere
print(hashlib.sha256(reader.get_next_data().tobytes()).hexdigest())
reader.close()
