// Events of a history: their names, the one line that says what each is about, and the steps
// (activities, timers, children ...) that they make together. Pure functions of the events given:
// an earlier moment of a run is the same functions over fewer events.

import { timeMs } from "./time.ts";

export interface HistoryEvent {
  eventId: string;
  eventTime: string;
  eventType: string;
  [attributes: string]: any;
}

export type StepState = "open" | "running" | "done" | "failed" | "canceled" | "timed-out";

export interface Step {
  /** The id of the event that began it. */
  id: number;
  kind: string;
  name: string;
  state: StepState;
  beganMs: number;
  startedMs: number;
  endedMs: number;
  attempt: number;
  /** Ids of its events, in order. */
  events: number[];
  /** The completed workflow task that asked for it; 0 where nobody did. */
  turn: number;
}

/** `ACTIVITY_TASK_SCHEDULED` as `Activity task scheduled`. */
export function eventName(event: HistoryEvent): string {
  const words = event.eventType.replace("EVENT_TYPE_", "").replaceAll("_", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The attributes of an event, whatever its type. */
export function attributes(event: HistoryEvent): Record<string, any> {
  for (const name in event) {
    if (name.endsWith("EventAttributes")) return event[name] ?? {};
  }
  return {};
}

/** What an event is about, on one line: a name, an id, a reason. */
export function eventSubject(event: HistoryEvent): string {
  const has = attributes(event);
  const failure = has.failure?.message ?? has.lastFailure?.message;
  const parts = [
    has.activityType?.name ?? has.workflowType?.name ?? has.signalName ?? has.markerName,
    has.activityId ?? has.timerId ?? has.workflowExecution?.workflowId ?? has.workflowId,
    has.startToFireTimeout,
    has.request?.input?.name ?? has.acceptedRequest?.input?.name,
    has.scheduledEventId ? `of ${has.scheduledEventId}` : undefined,
    failure ?? has.reason ?? has.cause,
  ];
  return parts.filter(Boolean).join(" · ");
}

interface Opening {
  kind: string;
  name: (has: Record<string, any>) => string;
}

const OPENINGS: Record<string, Opening> = {
  ACTIVITY_TASK_SCHEDULED: { kind: "activity", name: (has) => has.activityType?.name ?? "" },
  TIMER_STARTED: { kind: "timer", name: (has) => has.startToFireTimeout ?? "timer" },
  START_CHILD_WORKFLOW_EXECUTION_INITIATED: {
    kind: "child",
    name: (has) => has.workflowType?.name ?? "",
  },
  SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: {
    kind: "signal to",
    name: (has) => has.signalName ?? "",
  },
  REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: {
    kind: "cancel of",
    name: (has) => has.workflowExecution?.workflowId ?? "",
  },
  NEXUS_OPERATION_SCHEDULED: { kind: "nexus", name: (has) => has.operation ?? "" },
  WORKFLOW_EXECUTION_SIGNALED: { kind: "signal", name: (has) => has.signalName ?? "" },
  WORKFLOW_EXECUTION_UPDATE_ACCEPTED: {
    kind: "update",
    name: (has) => has.acceptedRequest?.input?.name ?? "update",
  },
  MARKER_RECORDED: { kind: "marker", name: (has) => has.markerName ?? "" },
};

// What has no length: it is done in the event that brings it.
const MOMENTS = new Set(["signal", "marker"]);

const ENDS: [string, StepState][] = [
  ["_TIMED_OUT", "timed-out"],
  ["_CANCELED", "canceled"],
  ["_TERMINATED", "failed"],
  ["_FAILED", "failed"],
  ["_COMPLETED", "done"],
  ["_FIRED", "done"],
  ["_SIGNALED", "done"],
  ["_CANCEL_REQUESTED", "done"],
];

/** The steps of the events, in the order in which they began. */
export function stepsOf(events: readonly HistoryEvent[]): Step[] {
  const steps: Step[] = [];
  const byId = new Map<number, Step>();
  for (const event of events) {
    const type = event.eventType.slice("EVENT_TYPE_".length);
    const has = attributes(event);
    const id = Number(event.eventId);
    const opening = OPENINGS[type];
    if (opening) {
      const ms = timeMs(event.eventTime);
      const momentary = MOMENTS.has(opening.kind);
      const step: Step = {
        id,
        kind: opening.kind,
        name: opening.name(has),
        state: momentary ? "done" : "open",
        beganMs: ms,
        startedMs: momentary ? ms : NaN,
        endedMs: momentary ? ms : NaN,
        attempt: 1,
        events: [id],
        turn: Number(has.workflowTaskCompletedEventId ?? 0),
      };
      steps.push(step);
      byId.set(id, step);
      continue;
    }
    const of = has.scheduledEventId ?? has.initiatedEventId ?? has.acceptedEventId;
    const step = byId.get(Number(of ?? (type.startsWith("TIMER_") ? has.startedEventId : 0)));
    if (step) followStep(step, type, event, has);
  }
  return steps;
}

function followStep(
  step: Step,
  type: string,
  event: HistoryEvent,
  has: Record<string, any>,
): void {
  step.events.push(Number(event.eventId));
  const ms = timeMs(event.eventTime);
  if (type.endsWith("_STARTED")) {
    step.state = "running";
    step.startedMs = ms;
    step.attempt = Number(has.attempt ?? step.attempt);
    return;
  }
  // A wish to cancel an activity of our own ends nothing.
  if (type === "ACTIVITY_TASK_CANCEL_REQUESTED" || type.startsWith("NEXUS_OPERATION_CANCEL_")) return;
  const end = ENDS.find(([ending]) => type.endsWith(ending));
  if (end) {
    step.state = end[1];
    step.endedMs = ms;
  }
}

/** The state of a run as its last event says it. */
export function runState(events: readonly HistoryEvent[]): string {
  const last = events.at(-1)?.eventType ?? "";
  const found = /^EVENT_TYPE_WORKFLOW_EXECUTION_(COMPLETED|FAILED|TIMED_OUT|CANCELED|TERMINATED|CONTINUED_AS_NEW)$/.exec(last);
  return found ? found[1]! : events.length ? "RUNNING" : "";
}
