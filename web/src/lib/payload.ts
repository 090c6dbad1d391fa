// Payloads: bytes with metadata, decoded for the eye only. What is not text says what it is.

export interface Payload {
  metadata?: Record<string, string>;
  data?: string;
}

export interface Shown {
  /** What to show: text, or a word for what is no text. */
  text: string;
  encoding: string;
  /** How many bytes the data has. */
  size: number;
}

/** Whether a JSON value is a payload in the long form. */
export function isPayload(value: unknown): value is Payload {
  if (typeof value !== "object" || value === null) return false;
  const metadata = (value as Payload).metadata;
  return typeof metadata === "object" && metadata !== null && typeof metadata.encoding === "string";
}

/** The payloads of a field such as `input`. */
export function payloadsOf(field: unknown): Payload[] {
  const list = (field as { payloads?: Payload[] } | undefined)?.payloads;
  return Array.isArray(list) ? list : [];
}

function bytes(base64: string): Uint8Array {
  const text = atob(base64);
  const out = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) out[at] = text.charCodeAt(at);
  return out;
}

/** What a payload holds, as text. */
export function showPayload(payload: Payload): Shown {
  const encoding = new TextDecoder().decode(bytes(payload.metadata?.encoding ?? ""));
  const data = bytes(payload.data ?? "");
  const size = data.length;
  if (encoding === "binary/null") return { text: "null", encoding, size };
  if (encoding.startsWith("binary/")) {
    return { text: `${size} bytes (${encoding})`, encoding, size };
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(data);
    return { text, encoding, size };
  } catch {
    return { text: `${size} bytes that are no text (${encoding})`, encoding, size };
  }
}

/** The JSON value of a payload, or its text where it is none. */
export function payloadValue(payload: Payload | undefined): unknown {
  if (!payload) return undefined;
  const { text } = showPayload(payload);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function base64(text: string): string {
  let out = "";
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte);
  return btoa(out);
}

/** What somebody typed as one JSON value, as an input; its text is sent as it is. Raises
 * SyntaxError. */
export function jsonInput(text: string): { payloads: Payload[] } {
  const trimmed = text.trim();
  if (!trimmed) return { payloads: [] };
  JSON.parse(trimmed);
  const metadata = { encoding: base64("json/plain") };
  return { payloads: [{ metadata, data: base64(trimmed) }] };
}
