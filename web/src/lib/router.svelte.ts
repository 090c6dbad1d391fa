// Where we are: `#/NAMESPACE/PAGE/PART...?WORDS`. The fragment is never sent to the server, so a
// page opens from any address and ids need no agreement with paths of the API.

export interface Place {
  namespace: string;
  page: string;
  parts: string[];
  words: URLSearchParams;
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [namespace, page, ...parts] = path.split("/").map(unescape_);
  return {
    namespace: namespace || "default",
    page: page || "runs",
    parts,
    words: new URLSearchParams(query),
  };
}

function unescape_(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

let current = $state.raw(read());
addEventListener("hashchange", () => (current = read()));

export const router = {
  get place(): Place {
    return current;
  },
};

/** The address of a page. */
export function href(
  namespace: string,
  page: string,
  parts: string[] = [],
  words: Record<string, string | undefined> = {},
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(words)) if (value) query.set(name, value);
  const path = [namespace, page, ...parts].map(encodeURIComponent).join("/");
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

/** Go there. */
export function go(address: string): void {
  location.hash = address;
}

/** Change words of the address without a new entry in the browser's history. */
export function setWords(changes: Record<string, string | undefined>): void {
  const words = new URLSearchParams(current.words);
  for (const [name, value] of Object.entries(changes)) {
    if (value) words.set(name, value);
    else words.delete(name);
  }
  const { namespace, page, parts } = current;
  history.replaceState(null, "", href(namespace, page, parts, Object.fromEntries(words)));
  current = read();
}
