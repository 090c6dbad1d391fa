// A program of the official Go SDK: a worker and a client of an order, at the address given.
//
// The order charges by an activity that fails once, counts what signals and updates add, answers
// queries and waits for a timer. Whatever is not as it has to be ends the program with code 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const queue = "programs-go"

// Charge doubles an amount, at the second attempt.
func Charge(ctx context.Context, amount int) (int, error) {
	if activity.GetInfo(ctx).Attempt == 1 {
		return 0, errors.New("the bank is asleep")
	}
	return 2 * amount, nil
}

// Receipt is a child: it says what was paid.
func Receipt(_ workflow.Context, amount int) (string, error) {
	return fmt.Sprintf("paid %d", amount), nil
}

// Order counts what is added until it is closed, waits, charges and returns a receipt.
func Order(ctx workflow.Context, amount int) (string, error) {
	total, closed := amount, false
	query := func() (int, error) { return total, nil }
	if err := workflow.SetQueryHandler(ctx, "total", query); err != nil {
		return "", err
	}
	add := func(_ workflow.Context, more int) (int, error) {
		total += more
		return total, nil
	}
	check := func(_ workflow.Context, more int) error {
		if more <= 0 {
			return errors.New("nothing to add")
		}
		return nil
	}
	options := workflow.UpdateHandlerOptions{Validator: check}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, "add", add, options); err != nil {
		return "", err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "close").Receive(ctx, nil)
		closed = true
	})
	if err := workflow.Await(ctx, func() bool { return closed }); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 100*time.Millisecond); err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond},
	})
	var charged int
	if err := workflow.ExecuteActivity(ctx, Charge, total).Get(ctx, &charged); err != nil {
		return "", err
	}
	var receipt string
	err := workflow.ExecuteChildWorkflow(ctx, Receipt, charged).Get(ctx, &receipt)
	return receipt, err
}

func run(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	service, err := client.Dial(client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		return err
	}
	defer service.Close()
	work := worker.New(service, queue, worker.Options{})
	work.RegisterWorkflow(Order)
	work.RegisterWorkflow(Receipt)
	work.RegisterActivity(Charge)
	if err := work.Start(); err != nil {
		return err
	}
	defer work.Stop()
	started := client.StartWorkflowOptions{ID: "order-go", TaskQueue: queue}
	order, err := service.ExecuteWorkflow(ctx, started, Order, 3)
	if err != nil {
		return err
	}
	if err := talk(ctx, service); err != nil {
		return err
	}
	var receipt string
	if err := order.Get(ctx, &receipt); err != nil {
		return err
	}
	return expect("receipt", receipt, "paid 20")
}

// talk updates the order, is refused, queries it and closes it.
func talk(ctx context.Context, service client.Client) error {
	update := client.UpdateWorkflowOptions{
		WorkflowID:   "order-go",
		UpdateName:   "add",
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	update.Args = []any{7}
	accepted, err := service.UpdateWorkflow(ctx, update)
	if err != nil {
		return err
	}
	var total int
	if err := accepted.Get(ctx, &total); err != nil {
		return err
	}
	if err := expect("update", total, 10); err != nil {
		return err
	}
	update.Args = []any{0}
	refused, err := service.UpdateWorkflow(ctx, update)
	if err == nil {
		err = refused.Get(ctx, nil)
	}
	var application *temporal.ApplicationError
	if !errors.As(err, &application) {
		return fmt.Errorf("an update that adds nothing: %v", err)
	}
	answer, err := service.QueryWorkflow(ctx, "order-go", "", "total")
	if err != nil {
		return err
	}
	if err := answer.Get(&total); err != nil {
		return err
	}
	if err := expect("query", total, 10); err != nil {
		return err
	}
	return service.SignalWorkflow(ctx, "order-go", "", "close", nil)
}

func expect[T comparable](what string, found, wanted T) error {
	if found != wanted {
		return fmt.Errorf("%s: %v, not %v", what, found, wanted)
	}
	return nil
}

// quiet logs nothing: what is wrong comes back as an error.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: program HOST:PORT")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
	fmt.Println("go: as expected")
}
