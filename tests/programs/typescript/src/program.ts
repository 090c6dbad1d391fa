// A program of the official TypeScript SDK: a worker and a client of an order, at the address given.
// Whatever is not as it has to be ends it with code 1.
import { deepStrictEqual, rejects } from 'node:assert';
import { Client, Connection, WorkflowUpdateFailedError } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import * as activities from './activities';
import { add, close, order, totalOf } from './workflows';

const taskQueue = 'programs-typescript';

async function talk(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const run = await client.workflow.start(order, {
    args: [3],
    taskQueue,
    workflowId: 'order-typescript',
  });
  deepStrictEqual(await run.executeUpdate(add, { args: [7] }), 10);
  await rejects(run.executeUpdate(add, { args: [0] }), WorkflowUpdateFailedError);
  deepStrictEqual(await run.query(totalOf), 10);
  await run.signal(close);
  deepStrictEqual(await run.result(), 'paid 20');
  await connection.close();
}

async function main(address: string): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue,
    activities,
    workflowsPath: require.resolve('./workflows'),
  });
  await worker.runUntil(talk(address));
  await connection.close();
  console.log('typescript: as expected');
}

const address = process.argv[2];
if (!address) {
  console.error('usage: program HOST:PORT');
  process.exit(2);
}
main(address).catch((error) => {
  console.error(error);
  process.exit(1);
});
