// Why a piece of work is not running, in one sentence.

import { agoText, spanText, timeMs } from "./time.ts";

interface Work {
  state?: string;
  attempt?: number;
  lastFailure?: { message?: string };
  nextAttemptScheduleTime?: string;
  lastStartedTime?: string;
  startedTime?: string;
  scheduledTime?: string;
  lastWorkerIdentity?: string;
  paused?: boolean;
}

/** The sentence; `workers` is how many poll the queue, undefined where nobody could say. */
export function pendingReason(
  work: Work,
  workers: number | undefined,
  queue: string,
  now: number,
): string {
  const state = (work.state ?? "").replace("PENDING_ACTIVITY_STATE_", "").replace("PENDING_WORKFLOW_TASK_STATE_", "");
  if (work.paused || state === "PAUSED") return "It is paused: nothing happens until it is unpaused.";
  if (state === "STARTED") {
    const since = agoText(work.lastStartedTime ?? work.startedTime, now);
    const who = work.lastWorkerIdentity ? ` by ${work.lastWorkerIdentity}` : "";
    return `It is running: taken${who} ${since}.`;
  }
  const next = timeMs(work.nextAttemptScheduleTime);
  if (next > now) {
    const why = work.lastFailure?.message ? ` after “${work.lastFailure.message}”` : "";
    return `It waits for its next attempt in ${spanText(next - now)}${why}.`;
  }
  if (workers === 0) return `No worker polls the task queue “${queue}”. Start one.`;
  if (workers) return `It waits in the task queue “${queue}”, which ${workers} polled lately.`;
  return `It waits in the task queue “${queue}”.`;
}
