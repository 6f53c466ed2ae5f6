"""Decodes and encodes with pydub, which hands media to ffmpeg and ffprobe in pipes and in files."""
import hashlib
import io
import sys

from pydub import AudioSegment
from pydub.exceptions import CouldntDecodeError
from pydub.utils import mediainfo

source = sys.argv[1]


def show(what, segment):
    digest = hashlib.sha256(segment.raw_data).hexdigest()
    print(what, len(segment), segment.channels, segment.frame_rate, segment.sample_width, digest)


show("file", AudioSegment.from_file(source))

with open(source, "rb") as file:
    piped = AudioSegment.from_file(io.BytesIO(file.read()))  # both ways at once
show("pipe", piped)

half = piped[: len(piped) // 2].fade_in(100).set_channels(1)
for name, kind, codec in (("half.mp3", "mp3", None), ("half.flac", "flac", None), ("half.mka", "matroska", "libopus")):
    half.export(name, format=kind, codec=codec, parameters=["-bitexact"], tags={"title": "Es ist, ‘wie’ es \"ist\""}).close()
    show(name, AudioSegment.from_file(name, codec="libopus" if codec else None))
print(sorted(mediainfo("half.mp3").items()))

try:
    AudioSegment.from_file(io.BytesIO(b"not media at all" * 10000), format="mp3", codec="mp3")
except CouldntDecodeError as err:
    print(str(err).splitlines()[0])
sys.exit(7)
