package main

import (
	"fmt"
	"reflect"
	"sort"
	"time"

	"github.com/RichardKnop/machinery/v2"
	"github.com/RichardKnop/machinery/v2/backends/result"
	"github.com/RichardKnop/machinery/v2/tasks"
)

const (
	python  = "py_tasks"
	golang  = "go_tasks"
	timeout = 30 * time.Second
	poll    = 10 * time.Millisecond
)

// A task of a queue; its arguments are pairs of type and value.
func call(queue, name string, args ...interface{}) *tasks.Signature {
	signature, _ := tasks.NewSignature(name, nil)
	signature.RoutingKey = queue
	for i := 0; i < len(args); i += 2 {
		signature.Args = append(signature.Args, tasks.Arg{Type: args[i].(string), Value: args[i+1]})
	}
	return signature
}

func add(queue string, args ...int64) *tasks.Signature {
	signature := call(queue, "add")
	for _, arg := range args {
		signature.Args = append(signature.Args, tasks.Arg{Type: "int64", Value: arg})
	}
	return signature
}

type driver struct {
	server *machinery.Server
	failed int
}

func (d *driver) check(name string, found []reflect.Value, err error, wanted ...interface{}) {
	values := make([]interface{}, 0, len(found))
	for _, value := range found {
		values = append(values, value.Interface())
	}
	good := err == nil && len(values) == len(wanted)
	for i := 0; good && i < len(wanted); i++ {
		good = reflect.DeepEqual(values[i], wanted[i])
	}
	if good {
		fmt.Println("ok   go:", name)
		return
	}
	d.failed++
	fmt.Printf("FAIL go: %s: %#v, %v; wanted %#v\n", name, values, err, wanted)
}

func (d *driver) send(name string, signature *tasks.Signature, wanted ...interface{}) {
	result, err := d.server.SendTask(signature)
	if err != nil {
		d.check(name, nil, err, wanted...)
		return
	}
	found, err := result.GetWithTimeout(timeout, poll)
	d.check(name, found, err, wanted...)
}

func (d *driver) fails(name string, signature *tasks.Signature, text string) {
	result, err := d.server.SendTask(signature)
	if err == nil {
		_, err = result.GetWithTimeout(timeout, poll)
	}
	if err == nil || err.Error() != text {
		d.failed++
		fmt.Printf("FAIL go: %s: %v; wanted %s\n", name, err, text)
		return
	}
	fmt.Println("ok   go:", name)
}

func (d *driver) types() {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, value := range kinds[name] {
			d.send(fmt.Sprintf("%s %.30v", name, value), call(python, "echo_"+name, name, value), value)
		}
	}
}

func (d *driver) calls() {
	d.send("add", add(python, 1, 2), int64(3))
	d.send("several results", call(python, "several", "int64", 7), int64(7), "7", []byte{7})
	d.fails("failure", call(python, "fail", "string", "as told"), "as told")
	retried := call(python, "flaky", "string", "from go")
	retried.RetryCount = 2
	d.send("retry", retried, "at last from go")
	begun, eta := time.Now(), time.Now().UTC().Add(700*time.Millisecond)
	delayed := add(python, 1, 2)
	delayed.ETA = &eta
	d.send("ETA", delayed, int64(3))
	if time.Since(begun) < 690*time.Millisecond {
		d.failed++
		fmt.Println("FAIL go: ETA came early")
	}
	note := call(golang, "join", "string", "noted")
	failing := call(python, "fail", "string", "bad")
	failing.OnError = []*tasks.Signature{note}
	d.fails("failure with callback", failing, "bad")
	found, err := resultOf(d.server, note).GetWithTimeout(timeout, poll)
	d.check("error callback in Go", found, err, "bad+noted")
}

func (d *driver) workflows() {
	chain, _ := tasks.NewChain(
		add(python, 1, 2), add(golang, 10), add(python, 100), add(golang, 1000))
	chained, err := d.server.SendChain(chain)
	if err == nil {
		found, err := chained.GetWithTimeout(timeout, poll)
		d.check("chain py, go, py, go", found, err, int64(1113))
	}
	group, _ := tasks.NewGroup(add(python, 1, 2), add(golang, 3, 4), add(python, 5, 6))
	results, err := d.server.SendGroup(group, 0)
	for i, wanted := range []int64{3, 7, 11} {
		if err != nil {
			d.check("group", nil, err, wanted)
			break
		}
		found, err := results[i].GetWithTimeout(timeout, poll)
		d.check(fmt.Sprintf("group member %d", i), found, err, wanted)
	}
	for _, callback := range []string{python, golang} {
		for _, members := range [][]string{
			{python, python, python}, {golang, golang}, {python, golang, python, golang}} {
			d.chord(callback, members)
		}
	}
}

func (d *driver) chord(callback string, queues []string) {
	members, wanted := []*tasks.Signature{}, int64(0)
	for i, queue := range queues {
		members = append(members, add(queue, int64(i), 1))
		wanted += int64(i) + 1
	}
	group, _ := tasks.NewGroup(members...)
	chord, _ := tasks.NewChord(group, call(callback, "total"))
	name := fmt.Sprintf("chord of %v to %s", queues, callback)
	sent, err := d.server.SendChord(chord, 0)
	if err != nil {
		d.check(name, nil, err, wanted)
		return
	}
	found, err := sent.GetWithTimeout(timeout, poll)
	d.check(name, found, err, wanted)
}

func drive(name, address string) int {
	d := &driver{server: serverOf(name, address, golang)}
	d.types()
	d.calls()
	d.workflows()
	if d.failed > 0 {
		return 1
	}
	return 0
}

func resultOf(server *machinery.Server, signature *tasks.Signature) *result.AsyncResult {
	return result.NewAsyncResult(signature, server.GetBackend())
}
