package etm

import (
	"testing"

	"github.com/dffmpeg/dffmpeg/secret/secrettest"
)

func TestConformance(t *testing.T) {
	secrettest.Run(t, Provider{}, secrettest.Features{BindsKeyID: true})
}
