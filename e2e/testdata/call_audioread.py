"""Decodes with audioread, which reads PCM from ffmpeg's standard output and kills it when it has enough."""
import hashlib
import sys

from audioread import ffdec

with ffdec.FFmpegAudioFile(sys.argv[1]) as audio:
    digest = hashlib.sha256()
    for block in audio:
        digest.update(block)
    print(audio.channels, audio.samplerate, audio.duration, digest.hexdigest())

with ffdec.FFmpegAudioFile(sys.argv[1], block_size=1000) as audio:
    print(hashlib.sha256(next(iter(audio))).hexdigest())

try:
    ffdec.FFmpegAudioFile("missing.flac")
except OSError as err:
    print("missing:", err)
except ffdec.FFmpegError as err:
    print("missing:", type(err).__name__)
