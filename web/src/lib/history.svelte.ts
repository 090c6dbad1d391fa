// The history of one run: fetched in pages, kept as one flat list, and followed by a call that waits
// for the next event while the run is open. The events are outside of reactivity; `count` says how
// many there are.

import { ApiError, get, nsPath } from "./api.svelte.ts";
import type { HistoryEvent } from "./events.ts";

const PAGE_EVENTS = 1000;
// A server that is away is asked again after this long.
const RETRY_MS = 1500;

export class History {
  events = $state.raw<HistoryEvent[]>([]);
  complete = $state(false);
  problem = $state("");
  #stopping = new AbortController();

  constructor(
    readonly namespace: string,
    readonly workflowId: string,
    readonly runId: string,
  ) {}

  stop(): void {
    this.#stopping.abort();
  }

  /** Fetch all events, then wait for more until the run is closed. `changed` is called after each
   * page. */
  async follow(changed: () => void): Promise<void> {
    const path = nsPath(this.namespace, "workflows", this.workflowId, "history");
    let token = "";
    let buffer: HistoryEvent[] = [];
    while (!this.#stopping.signal.aborted) {
      const query = {
        "execution.runId": this.runId,
        maximumPageSize: PAGE_EVENTS,
        nextPageToken: token,
        waitNewEvent: true,
      };
      try {
        const answer = await get(path, query, this.#stopping.signal);
        this.problem = "";
        const page: HistoryEvent[] = answer.history?.events ?? [];
        // A page may be sent again after an answer was lost: events are taken once.
        const known = Number(buffer.at(-1)?.eventId ?? 0);
        const fresh = page.filter((event) => Number(event.eventId) > known);
        if (fresh.length) {
          buffer = buffer.concat(fresh);
          this.events = buffer;
          changed();
        }
        token = answer.nextPageToken ?? "";
        if (!token) {
          this.complete = true;
          return;
        }
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        if (error instanceof ApiError && error.status < 500 && error.status !== 429) {
          this.problem = error.message;
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
