// What an action of the UI is in a terminal: the `temporal` command, and curl.

/** One word of a POSIX shell, quoted where it has to be. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command of the `temporal` command line. */
export function commandLine(verb: string, namespace: string, flags: [string, string][]): string {
  const words = flags.filter(([, value]) => value).map(([flag, value]) => `${flag} ${quoted(value)}`);
  return [`temporal ${verb}`, `--namespace ${quoted(namespace)}`, ...words].join(" ");
}

/** The call of the HTTP API that does it. */
export function curlLine(origin: string, path: string, body: unknown): string {
  return `curl -X POST ${quoted(`${origin}/api/v1${path}`)} -d ${quoted(JSON.stringify(body))}`;
}
