// Text of strangers, made safe to read. Nothing here makes markup: what comes out is put into text
// nodes only.

// Controls that move, hide or reorder what stands around them, and the C0/C1 ranges but tab and
// line feed: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** The text with each control that cannot be seen written out, as in `⟨U+202E⟩`. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (one) => {
    const code = one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `⟨U+${code}⟩`;
  });
}

/** At most `length` characters, on one line. */
export function brief(text: string, length = 120): string {
  const cut = text.length > length ? text.slice(0, length - 1) + "…" : text;
  return visible(cut.replace(/\s+/g, " "));
}

/** JSON with line breaks. Works on the text itself: numbers keep every digit, keys their order. */
export function indentJson(text: string): string {
  let out = "";
  let depth = 0;
  let at = 0;
  const line = () => "\n" + "  ".repeat(Math.min(depth, 40));
  while (at < text.length) {
    const one = text[at]!;
    if (one === '"') {
      const end = endOfString(text, at);
      out += text.slice(at, end);
      at = end;
      continue;
    }
    if (one === "{" || one === "[") {
      const close = one === "{" ? "}" : "]";
      const next = text.slice(at + 1, at + 40).trimStart();
      if (next.startsWith(close)) {
        out += one + close;
        at = text.indexOf(close, at) + 1;
        continue;
      }
      depth += 1;
      out += one + line();
    } else if (one === "}" || one === "]") {
      depth -= 1;
      out += line() + one;
    } else if (one === ",") {
      out += "," + line();
    } else if (one === ":") {
      out += ": ";
    } else if (!/\s/.test(one)) {
      out += one;
    }
    at += 1;
  }
  return out;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** A count of bytes for people. */
export function bytesText(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}
