package pathmap

import (
	"slices"
	"strings"
	"testing"
)

func TestRoles(t *testing.T) {
	for command, want := range map[string][]role{
		"-i a out":                               {roleOption, roleURL, roleURL},
		"-y -shortest -f tee [f=x]a|b":           {roleOption, roleOption, roleOption, roleURL, roleTee},
		"-f tee -metadata [x]|a [f=x]a|b":        {roleOption, roleURL, roleOption, roleURL, roleTee},
		"-f tee -map -0:s -ss -1.5 a|b c":        {roleOption, roleURL, roleOption, roleURL, roleOption, roleURL, roleTee, roleURL},
		"-f tee -unheard a|b":                    {roleOption, roleURL, roleOption, roleURL},
		"-f lavfi -i a -i b -f lavfi -t 3 -i c":  {roleOption, roleURL, roleOption, roleGraph, roleOption, roleURL, roleOption, roleURL, roleOption, roleURL, roleOption, roleGraph},
		"-f concat -safe 0 -i a":                 {roleOption, roleURL, roleOption, roleURL, roleOption, roleList},
		"-vf a -filter:v:0 b --af c -lavfi d":    {roleOption, roleGraph, roleOption, roleGraph, roleOption, roleGraph, roleOption, roleGraph},
		"-filter_script a -/filter b -/vf:0 c":   {roleOption, roleURL, roleOption, roleURL, roleOption, roleURL},
		"-x264-params a -x265-params:v b -crf 3": {roleOption, roleParams, roleOption, roleParams, roleOption, roleURL},
		"-vf -y -f null -":                       {roleOption, roleGraph, roleOption, roleURL, roleURL}, // a value, as ffmpeg takes it
		"-f lavfi -show_frames a":                {roleOption, roleURL, roleOption, roleGraph},
		"":                                       {roleURL},
	} {
		if got := roles(strings.Split(command, " ")); !slices.Equal(got, want) {
			t.Errorf("%s: roles %v, want %v", command, got, want)
		}
	}
}
