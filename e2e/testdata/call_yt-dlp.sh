# Downloads what $2 serves with yt-dlp, which converts files in its working directory,
# and has ffmpeg download what comes in segments.
set -u
call() {
  yt-dlp --ignore-config --no-cache-dir --no-progress --no-mtime --no-warnings "$@"
  echo "exit code $?"
}
bitexact=(--postprocessor-args 'ffmpeg:-bitexact -threads 1')
call "${bitexact[@]}" -x --audio-format mp3 --embed-metadata -o "it's %(ext)s.%(ext)s" "$2/in.mp4"
call "${bitexact[@]}" --recode-video mkv --embed-metadata -o 'recoded.%(ext)s' "$2/in.mp4"
call --downloader ffmpeg --downloader-args 'ffmpeg:-bitexact' -o - "$2/hls.m3u8" | sha256sum
call --downloader ffmpeg --downloader-args 'ffmpeg:-bitexact' --download-sections '*1-2' -o 'section.%(ext)s' "$2/hls.m3u8"
call --downloader ffmpeg -o 'missing.%(ext)s' "$2/missing.m3u8"
