package config

import (
	"net/netip"
	"testing"

	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

// broker stands for the settings of a plug-in.
type broker struct {
	Host     string       `yaml:"host"`
	Port     int          `yaml:"port,min=1,max=65535"`
	Password secret.Value `yaml:"password"`
	CA       string       `yaml:"ca,file"`
}

func TestTransportSettings(t *testing.T) {
	path := write(t, "dffmpeg-coordinator.yaml", `
transports:
  enabled_transports: [mqtt, rabbitmq]
  defaults:
    host: general
    use_srv: true  # for another transport
  transport_settings:
    mqtt: {port: 99999, prot: 1, password: [`+marker+`]}
    rabbitmq: {host: own, password: `+marker+`, ca: /ca.pem}
    carrier: {}
`)
	c, err := LoadCoordinator(path, Environment{}, engines())
	if err != nil {
		t.Fatal(err)
	}
	got := broker{Port: 5672}
	if err := c.Transports.Settings("rabbitmq").Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (broker{"own", 5672, secret.New(marker), "/ca.pem"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = broker{Port: 1883}
	if err := c.Transports.Settings("unmentioned").Decode(&got); err != nil || got.Host != "general" || got.Port != 1883 {
		t.Errorf("got %+v, %v; want the defaults", got, err)
	}
	section := "transports.transport_settings.mqtt"
	want := path + `:8:18: ` + section + `.port: "99999" is out of range; use 1 to 65535
` + path + `:8:25: ` + section + `.prot: unknown key; did you mean "port"?
` + path + `:8:44: ` + section + `.password: expected text, found a list`
	if err := c.Transports.Settings("mqtt").Decode(&got); err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
	want = path + `:3:3: transports.enabled_transports: unknown transport "mqtt"; known are http_polling, rabbitmq
` + path + `:8:5: transports.transport_settings.mqtt: unknown transport; known are http_polling, rabbitmq
` + path + `:10:5: transports.transport_settings.carrier: unknown transport; known are http_polling, rabbitmq`
	if err := c.Transports.Check(map[string]func() any{"rabbitmq": nil, HTTPPollingName: nil}); err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
	if err := c.Transports.Check(map[string]func() any{"mqtt": nil, "rabbitmq": nil, "carrier": nil}); err != nil {
		t.Errorf("known names: %v", err)
	}
	if p := c.Transports.Settings("rabbitmq").Problem("host", "does not answer"); p.Line != 9 || p.Path != "transports.transport_settings.rabbitmq.host" {
		t.Errorf("problem %v, want it on line 9", p)
	}
}

func TestDatabaseIsMerged(t *testing.T) {
	path := write(t, "dffmpeg-coordinator.yaml", `
database:
  defaults: {engine: mysqll, host: general, port: 1}
  engine_defaults:
    mysqll: {host: engine, ca: certs/ca.pem}
    sqlite: {path: auth.db, synchronous: full}
    postgers: {}
  repositories:
    auth: {engine: sqlite, tablename: people}
    jobs: {host: own}
    workers: {host: own}
    messages: {host: own}
`)
	known := engines()
	known["mysqll"], known["postgers"] = known["postgres"], known["postgres"]
	c, err := LoadCoordinator(path, Environment{}, known)
	if err != nil {
		t.Fatal(err)
	}
	jobs := c.Database.Jobs
	var got broker
	if err := jobs.Settings.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (broker{"own", 1, secret.Value{}, path[:len(path)-len("dffmpeg-coordinator.yaml")] + "certs/ca.pem"}); got != want || jobs.Engine != "mysqll" || jobs.TableName != "dffmpeg_jobs" {
		t.Errorf("jobs: %+v in %s, want %+v", got, jobs.Engine, want)
	}
	if c.Database.Auth.TableName != "people" {
		t.Errorf("identities are in %q, want people", c.Database.Auth.TableName)
	}
	at := path + ":3:14: database.defaults.engine: unknown engine \"mysqll\"; did you mean \"mysql\"?\n"
	want := at + path + `:5:5: database.engine_defaults.mysqll: unknown engine; did you mean "mysql"?
` + path + `:7:5: database.engine_defaults.postgers: unknown engine; did you mean "postgres"?`
	err = c.Database.checkEngines(engines()).Err()
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
}

func TestSQLiteDatabase(t *testing.T) {
	d := SQLiteDatabase("/var/lib/dffmpeg.db")
	if problems := d.checkEngines(engines()); problems != nil {
		t.Error(problems)
	}
	for _, r := range d.repositories() {
		if got := *r.resolved.(*file); got != (file{"/var/lib/dffmpeg.db", "normal"}) || r.Engine != SQLiteName {
			t.Errorf("%s: %+v in %s", r.Name, got, r.Engine)
		}
	}
	if problems := d.shared(); problems != nil {
		t.Error(problems)
	}
	if problems := d.checkEngines(Engines{"memory": engines()["sqlite"]}); problems == nil {
		t.Error("an unknown engine was taken")
	}
}

// file are the settings of an engine that keeps a file.
type file struct {
	Path        string `yaml:"path,required,file"`
	Synchronous string `yaml:"synchronous,required,oneof=normal|full"`
}

// engines are what the program of these tests knows.
func engines() Engines {
	server := func() any { return &broker{} }
	return Engines{
		"sqlite": func() any { return &file{"dffmpeg.db", "normal"} },
		"mysql": func() any {
			settings := dbserver.Defaults(3306, "root")
			return &settings
		},
		"postgres": server,
	}
}

func TestNetworksContain(t *testing.T) {
	path := write(t, "dffmpeg-coordinator.yaml", "trusted_proxies: [10.0.0.0/8, ::1, '::ffff:192.0.2.1']\nallowed_metrics_ips: []\n")
	c, err := LoadCoordinator(path, Environment{}, engines())
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "11.0.0.1": false, "::1": true, "::2": false, "192.0.2.1": true,
	} {
		if got := c.TrustedProxies.Contain(mustAddr(t, address)); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	if c.AllowedMetricsIPs.Contain(mustAddr(t, "127.0.0.1")) {
		t.Error("an empty list lets somebody in")
	}
}

// mustAddr parses an address.
func mustAddr(t *testing.T, text string) netip.Addr {
	t.Helper()
	address, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}
