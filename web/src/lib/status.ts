// The states of a run: their word, and a sign beside the colour, since colour alone says nothing
// to many people.

export interface Status {
  /** As the filter language writes it. */
  word: string;
  sign: string;
  tone: "run" | "good" | "bad" | "warn" | "calm";
}

const STATUSES: Record<string, Status> = {
  RUNNING: { word: "Running", sign: "▶", tone: "run" },
  COMPLETED: { word: "Completed", sign: "✓", tone: "good" },
  FAILED: { word: "Failed", sign: "✗", tone: "bad" },
  TIMED_OUT: { word: "TimedOut", sign: "◷", tone: "bad" },
  TERMINATED: { word: "Terminated", sign: "■", tone: "warn" },
  CANCELED: { word: "Canceled", sign: "⊘", tone: "calm" },
  CONTINUED_AS_NEW: { word: "ContinuedAsNew", sign: "↻", tone: "calm" },
  PAUSED: { word: "Paused", sign: "‖", tone: "warn" },
};

/** The status of a name such as `WORKFLOW_EXECUTION_STATUS_RUNNING`, or its last words. */
export function statusOf(name: string | undefined): Status {
  const short = (name ?? "").replace("WORKFLOW_EXECUTION_STATUS_", "");
  return STATUSES[short] ?? { word: short || "Unknown", sign: "?", tone: "calm" };
}

/** The words of the filter language, in the order of the chips. */
export const STATUS_WORDS = Object.values(STATUSES).map((status) => status.word);

/** The status that a word of the filter language means. */
export function statusNamed(word: string): Status {
  const found = Object.values(STATUSES).find((status) => status.word === word);
  return found ?? { word, sign: "?", tone: "calm" };
}
