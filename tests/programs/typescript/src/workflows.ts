// The workflows of the program: an order that charges by an activity that fails once, counts what
// signals and updates add, answers queries, waits for a timer and has a child.
import * as wf from '@temporalio/workflow';
import type * as activities from './activities';

const { charge } = wf.proxyActivities<typeof activities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '50ms' },
});

export const close = wf.defineSignal('close');
export const totalOf = wf.defineQuery<number>('total');
export const add = wf.defineUpdate<number, [number]>('add');

/** Says what was paid. */
export async function receipt(amount: number): Promise<string> {
  return `paid ${amount}`;
}

/** Counts what is added until it is closed, waits, charges and returns a receipt. */
export async function order(amount: number): Promise<string> {
  let total = amount;
  let closed = false;
  wf.setHandler(totalOf, () => total);
  wf.setHandler(close, () => {
    closed = true;
  });
  wf.setHandler(
    add,
    (more) => {
      total += more;
      return total;
    },
    {
      validator: (more) => {
        if (more <= 0) {
          throw new Error('nothing to add');
        }
      },
    },
  );
  await wf.condition(() => closed);
  await wf.sleep(100);
  const charged = await charge(total);
  return await wf.executeChild(receipt, { args: [charged] });
}
