// Machinery's own library as the peer of our workers and producers.
//
//	program work  DRIVER ADDRESS    serves the queues go_tasks and shared until it is killed
//	program drive DRIVER ADDRESS    sends to the queue py_tasks and checks what comes back
//
// DRIVER is redigo, goredis or amqp.
package main

import (
	"fmt"
	"os"

	"github.com/RichardKnop/machinery/v2"
	amqpbackend "github.com/RichardKnop/machinery/v2/backends/amqp"
	backends "github.com/RichardKnop/machinery/v2/backends/iface"
	redisbackend "github.com/RichardKnop/machinery/v2/backends/redis"
	amqpbroker "github.com/RichardKnop/machinery/v2/brokers/amqp"
	brokers "github.com/RichardKnop/machinery/v2/brokers/iface"
	redisbroker "github.com/RichardKnop/machinery/v2/brokers/redis"
	"github.com/RichardKnop/machinery/v2/config"
	eagerlock "github.com/RichardKnop/machinery/v2/locks/eager"
	"github.com/RichardKnop/machinery/v2/log"
)

func serverOf(driver, address, queue string) *machinery.Server {
	cnf := &config.Config{
		Broker:          address,
		ResultBackend:   address,
		DefaultQueue:    queue,
		ResultsExpireIn: 3600,
		Redis: &config.RedisConfig{
			MaxIdle: 3, IdleTimeout: 240, ReadTimeout: 15, WriteTimeout: 15, ConnectTimeout: 15,
			NormalTasksPollPeriod: 1000, DelayedTasksPollPeriod: 50,
		},
		AMQP: &config.AMQPConfig{
			Exchange: "machinery_exchange", ExchangeType: "direct", BindingKey: queue, PrefetchCount: 3,
		},
	}
	var broker brokers.Broker
	var backend backends.Backend
	switch driver {
	case "redigo":
		broker = redisbroker.New(cnf, address, "", "", "", 0)
		backend = redisbackend.New(cnf, address, "", "", "", 0)
	case "goredis":
		broker = redisbroker.NewGR(cnf, []string{address}, 0)
		backend = redisbackend.NewGR(cnf, []string{address}, 0)
	case "amqp":
		broker = amqpbroker.New(cnf)
		backend = amqpbackend.New(cnf)
	default:
		panic("unknown driver " + driver)
	}
	server := machinery.NewServer(cnf, broker, backend, eagerlock.New())
	if err := server.RegisterTasks(taskFuncs()); err != nil {
		panic(err)
	}
	return server
}

type quiet struct{}

func (quiet) Print(...interface{})          {}
func (quiet) Printf(string, ...interface{}) {}
func (quiet) Println(...interface{})        {}
func (quiet) Fatal(args ...interface{})     { panic(fmt.Sprint(args...)) }
func (quiet) Fatalf(format string, args ...interface{}) {
	panic(fmt.Sprintf(format, args...))
}
func (quiet) Fatalln(args ...interface{}) { panic(fmt.Sprint(args...)) }
func (quiet) Panic(args ...interface{})   { panic(fmt.Sprint(args...)) }
func (quiet) Panicf(format string, args ...interface{}) {
	panic(fmt.Sprintf(format, args...))
}
func (quiet) Panicln(args ...interface{}) { panic(fmt.Sprint(args...)) }

func main() {
	if os.Getenv("MACHINERY_LOG") == "" {
		log.Set(quiet{})
	}
	mode, driver, address := os.Args[1], os.Args[2], os.Args[3]
	switch mode {
	case "work":
		work(driver, address)
	case "drive":
		os.Exit(drive(driver, address))
	}
}

func work(driver, address string) {
	errors := make(chan error)
	for _, queue := range []string{"go_tasks", "shared"} {
		worker := serverOf(driver, address, queue).NewWorker("worker_"+queue, 4)
		worker.SetErrorHandler(func(error) {})
		worker.LaunchAsync(errors)
	}
	fmt.Println("at work")
	panic(<-errors)
}
