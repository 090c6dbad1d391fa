// A Go program that uses Machinery, and does not know that its tasks are in Python.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/RichardKnop/machinery/v2"
	redisbackend "github.com/RichardKnop/machinery/v2/backends/redis"
	redisbroker "github.com/RichardKnop/machinery/v2/brokers/redis"
	"github.com/RichardKnop/machinery/v2/config"
	eagerlock "github.com/RichardKnop/machinery/v2/locks/eager"
	"github.com/RichardKnop/machinery/v2/tasks"
)

func main() {
	address, root := os.Args[1], os.Args[2]
	cnf := &config.Config{DefaultQueue: "machinery_tasks", ResultsExpireIn: 3600}
	server := machinery.NewServer(
		cnf,
		redisbroker.New(cnf, address, "", "", "", 0),
		redisbackend.New(cnf, address, "", "", "", 0),
		eagerlock.New(),
	)
	var counts []*tasks.Signature
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".md" {
			full, _ := filepath.Abs(path)
			signature, _ := tasks.NewSignature("count_words", []tasks.Arg{{Type: "string", Value: full}})
			signature.RetryCount = 3
			counts = append(counts, signature)
		}
		return nil
	})
	group, err := tasks.NewGroup(counts...)
	check(err)
	report, err := tasks.NewSignature("report", nil)
	check(err)
	chord, err := tasks.NewChord(group, report)
	check(err)
	sent, err := server.SendChord(chord, 0)
	check(err)
	results, err := sent.GetWithTimeout(time.Minute, 20*time.Millisecond)
	check(err)
	fmt.Println(tasks.HumanReadableResults(results))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
