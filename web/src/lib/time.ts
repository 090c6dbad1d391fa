// Times and durations as the API writes them, and as people read them.

/** Milliseconds since 1970 of an RFC 3339 time; NaN for none. */
export function timeMs(text: string | undefined): number {
  return text && !text.startsWith("0001-") ? Date.parse(text) : NaN;
}

/** Date and time of the reader's zone. */
export function timeText(text: string | undefined): string {
  const ms = timeMs(text);
  if (Number.isNaN(ms)) return "";
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Time of day with milliseconds. */
export function clockText(text: string | undefined): string {
  const ms = timeMs(text);
  if (Number.isNaN(ms)) return "";
  return timeText(text).slice(11) + "." + String(((ms % 1000) + 1000) % 1000).padStart(3, "0");
}

/** A length of time: `340 ms`, `12.4 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function spanText(ms: number): string {
  if (Number.isNaN(ms)) return "";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const pairs: [number, string, number, string][] = [
    [60_000, "min", 1000, "s"],
    [3_600_000, "h", 60_000, "min"],
    [86_400_000, "d", 3_600_000, "h"],
  ];
  const [big, bigName, small, smallName] = pairs.findLast(([unit]) => ms >= unit)!;
  const whole = Math.floor(ms / big);
  const rest = Math.floor((ms % big) / small);
  return rest ? `${whole} ${bigName} ${rest} ${smallName}` : `${whole} ${bigName}`;
}

/** How long ago, or how far ahead, in words. */
export function agoText(text: string | undefined, now: number): string {
  const ms = timeMs(text);
  if (Number.isNaN(ms)) return "";
  return ms <= now ? `${spanText(now - ms)} ago` : `in ${spanText(ms - now)}`;
}

/** Milliseconds of a duration such as `3.5s`. */
export function durationMs(text: string | undefined): number {
  return text?.endsWith("s") ? Number(text.slice(0, -1)) * 1000 : NaN;
}
