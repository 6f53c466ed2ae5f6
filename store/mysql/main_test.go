package mysql

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/dffmpeg/dffmpeg/store/storetest"
)

func TestMain(m *testing.M) {
	if storetest.Racing(openAt) {
		return
	}
	goleak.VerifyTestMain(m)
}
