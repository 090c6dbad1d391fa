// Calls of the server, and whether it is there. A refusal is an ApiError with the server's words;
// a server that does not answer is `link.lost` until one call gets through again.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export class LostError extends Error {}

const KEY = "polyrhythm.key";

/** What the shell shows of the connection. */
export const link = $state({ lost: false, refused: "", checking: false });

/** The API key of this tab; kept until the tab closes. */
export function setKey(key: string): void {
  sessionStorage.setItem(KEY, key);
  link.refused = "";
}

export interface Query {
  [name: string]: string | number | boolean | undefined;
}

async function call(path: string, init: RequestInit, query: Query = {}): Promise<any> {
  const words = new URLSearchParams({ noPayloadShorthand: "" });
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") words.set(name, String(value));
  }
  const key = sessionStorage.getItem(KEY);
  const headers: Record<string, string> = { accept: "application/json" };
  if (key) headers.authorization = `Bearer ${key}`;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(`/api/v1${path}?${words}`, { ...init, headers });
    text = await answer.text();
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    link.lost = true;
    throw new LostError("the server does not answer");
  }
  // 503 is the answer of a process that waits for the owner of the file.
  link.lost = answer.status === 503;
  const tree = parse(text);
  if (answer.ok) {
    link.refused = "";
    return tree;
  }
  const message = tree?.message ?? `HTTP ${answer.status}`;
  if (answer.status === 401 || (answer.status === 403 && /key|credential/i.test(message))) {
    link.refused = message;
  }
  throw new ApiError(answer.status, tree?.code ?? 0, message);
}

function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function get(path: string, query?: Query, signal?: AbortSignal): Promise<any> {
  return call(path, { signal }, query);
}

export function post(path: string, body: unknown): Promise<any> {
  return call(path, { method: "POST", body: JSON.stringify(body) });
}

/** A path of a namespace, its parts escaped. */
export function nsPath(namespace: string, ...parts: string[]): string {
  return ["", "namespaces", namespace, ...parts].map(encodeURIComponent).join("/");
}
