// The activities of the program: they run in Node, not in the sandbox of workflows.
import { Context } from '@temporalio/activity';

/** Doubles an amount, at the second attempt. */
export async function charge(amount: number): Promise<number> {
  if (Context.current().info.attempt === 1) {
    throw new Error('the bank is asleep');
  }
  return 2 * amount;
}
