// Command dffmpeg_proxy stands where a program expects ffmpeg, ffprobe or
// another binary: the name it is called by is the binary that runs on a worker.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dffmpeg/dffmpeg/internal/dropin"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// version is set when a release is built.
var version = "0.5.0-dev"

func main() { os.Exit(run()) }

func run() int {
	binary := filepath.Base(os.Args[0])
	if binary == dropin.Name {
		return explain()
	}
	registry, err := transport.NewRegistry(httppoll.Plugin())
	if err != nil {
		fmt.Fprintf(os.Stderr, "dffmpeg: %v\n", err)
		return 1
	}
	return dropin.Program{Binary: binary, Args: os.Args[1:], Version: version, Transports: registry, Small: true}.Run()
}

// explain says what to do with this binary, for whoever runs it by its own name.
func explain() int {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(dropin.Name, version)
		return 0
	}
	fmt.Fprintf(os.Stderr, `%s runs programs on dffmpeg workers under the name it is called by.
Link it to that name and use the link in place of the program:

  ln -s %s /usr/local/bin/ffmpeg
  ln -s %s /usr/local/bin/ffprobe

It reads dffmpeg-client.yaml; when it does not work, see: dffmpeg doctor
`, dropin.Name, dropin.Name, dropin.Name)
	return 2
}
