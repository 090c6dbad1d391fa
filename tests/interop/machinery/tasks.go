package main

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/RichardKnop/machinery/v2/tasks"
)

func echo[T any](value T) (T, error) { return value, nil }

// Every type of argument, with values at the ends of its range.
var kinds = map[string][]interface{}{
	"bool":      {true, false},
	"int":       {int(math.MinInt64), int(math.MaxInt64)},
	"int8":      {int8(-128), int8(127)},
	"int16":     {int16(-32768), int16(32767)},
	"int32":     {int32(math.MinInt32), int32(math.MaxInt32)},
	"int64":     {int64(math.MinInt64), int64(math.MaxInt64)},
	"uint":      {uint(0), uint(math.MaxUint64)},
	"uint8":     {uint8(0), uint8(255)},
	"uint16":    {uint16(0), uint16(65535)},
	"uint32":    {uint32(0), uint32(math.MaxUint32)},
	"uint64":    {uint64(0), uint64(math.MaxUint64)},
	"float32":   {float32(0.1), float32(-math.MaxFloat32), float32(1)},
	"float64":   {0.1, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1.0, 1e21},
	"string":    {"", "<b>&\u2028 \"\\ \x00 ü 漢 😀"},
	"[]bool":    {[]bool{true, false}, []bool{}},
	"[]int":     {[]int{-1, math.MaxInt64}},
	"[]int8":    {[]int8{-128, 127}},
	"[]int16":   {[]int16{-32768, 32767}},
	"[]int32":   {[]int32{math.MinInt32, math.MaxInt32}},
	"[]int64":   {[]int64{math.MinInt64, math.MaxInt64}, []int64{}},
	"[]uint":    {[]uint{0, math.MaxUint64}},
	"[]uint8":   {[]uint8{0, 255}},
	"[]uint16":  {[]uint16{0, 65535}},
	"[]uint32":  {[]uint32{0, math.MaxUint32}},
	"[]uint64":  {[]uint64{0, math.MaxUint64}},
	"[]float32": {[]float32{0.1, 2}},
	"[]float64": {[]float64{0.1, 2, -math.MaxFloat64}},
	"[]byte":    {[]byte{0, 1, 254, 255}, []byte{}},
	"[]string":  {[]string{"", "a", "ü"}, []string{}},
}

var tried sync.Map

// Fails the first time that it is called with a name.
func flaky(name string) (string, error) {
	if _, again := tried.LoadOrStore(name, true); !again {
		return "", errors.New("not yet")
	}
	return "at last " + name, nil
}

// As flaky, but says itself when it is to be tried again.
func later(name string) (string, error) {
	if _, again := tried.LoadOrStore("later "+name, true); !again {
		return "", tasks.NewErrRetryTaskLater("not yet", 300*time.Millisecond)
	}
	return "later " + name, nil
}

func taskFuncs() map[string]interface{} {
	funcs := map[string]interface{}{
		"add": func(a, b int64) (int64, error) { return a + b, nil },
		"total": func(values ...int64) (int64, error) {
			sum := int64(0)
			for _, value := range values {
				sum += value
			}
			return sum, nil
		},
		"fail":      func(text string) (int64, error) { return 0, errors.New(text) },
		"panics":    func() (int64, error) { panic("out of order") },
		"join":      func(a, b string) (string, error) { return a + "+" + b, nil },
		"several":   func(n int64) (int64, string, []byte, error) { return n, fmt.Sprint(n), []byte{byte(n)}, nil },
		"nothing":   func() error { return nil },
		"flaky":     flaky,
		"later":     later,
		"whose":     func(n int64) (string, error) { return "go", nil },
		"go_only":   func(n int64) (int64, error) { return n + 1, nil },
		"echo_bool": echo[bool], "echo_int": echo[int], "echo_int8": echo[int8], "echo_int16": echo[int16],
		"echo_int32": echo[int32], "echo_int64": echo[int64], "echo_uint": echo[uint],
		"echo_uint8": echo[uint8], "echo_uint16": echo[uint16], "echo_uint32": echo[uint32],
		"echo_uint64": echo[uint64], "echo_float32": echo[float32], "echo_float64": echo[float64],
		"echo_string": echo[string], "echo_[]bool": echo[[]bool], "echo_[]int": echo[[]int],
		"echo_[]int8": echo[[]int8], "echo_[]int16": echo[[]int16], "echo_[]int32": echo[[]int32],
		"echo_[]int64": echo[[]int64], "echo_[]uint": echo[[]uint], "echo_[]uint8": echo[[]uint8],
		"echo_[]uint16": echo[[]uint16], "echo_[]uint32": echo[[]uint32], "echo_[]uint64": echo[[]uint64],
		"echo_[]float32": echo[[]float32], "echo_[]float64": echo[[]float64], "echo_[]byte": echo[[]byte],
		"echo_[]string": echo[[]string],
	}
	return funcs
}
