// What is asked of the program that serves this page. The token comes in the fragment of the
// address, which no server and no log ever sees, and is kept for this tab alone. A page that was
// exported carries its answers with it and asks nobody. It imports nothing, so that it can ask for
// the notebook before any other module is there.

const KEY = "maitred-token";

/** What an exported page carries; null: this page is served. @type {any} */
export const carried = (() => {
  const data = document.getElementById("carried");
  return data ? JSON.parse(data.textContent ?? "null") : null;
})();

const given = /^#token=([0-9a-f]{48})$/.exec(location.hash)?.[1];
const token = carried ? null : (given ?? sessionStorage.getItem(KEY));

/** @param {string} path @param {any} [body] @param {AbortSignal} [signal] */
async function ask(path, body, signal) {
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    cache: "no-store",
    referrerPolicy: "no-referrer",
  });
  if (answer.ok) return answer;
  const text = await answer.text();
  throw new Error(text || `the program answered ${answer.status}`);
}

/** @param {string} path @param {any} [body] @returns {Promise<any>} */
export async function json(path, body) {
  return (await ask(path, body)).json();
}

/** The notebook of this page, asked for while the other modules still come; null: it is not to be asked for. @type {Promise<any> | null} */
export const asked = !token ? null : json(`/api/book?name=${encodeURIComponent(new URLSearchParams(location.search).get("book") ?? "")}`);
// Whoever waits for it hears what went wrong.
asked?.catch(() => {});
// The request is on its way: to keep the token takes longer than to send it.
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", location.pathname + location.search);
}

/** @param {string} path @returns {Promise<Blob>} */
export async function file(path) {
  return (await ask(path)).blob();
}

/** Puts the columns of a binary answer beside the facts about them. @param {any} facts @param {ArrayBuffer} bytes @returns {import("./lanes.js").Run} */
function withColumns(facts, bytes) {
  const count = bytes.byteLength / 9;
  return {
    ...facts,
    starts: new Uint32Array(bytes, 0, count),
    lengths: new Uint32Array(bytes, count * 4, count),
    states: new Uint8Array(bytes, count * 8, count),
  };
}

/** Facts with their slices, which the page carries or asks for. @param {any} facts @param {string} path */
async function whole(facts, path) {
  const bytes = carried
    ? Uint8Array.from(atob(facts.columns), (one) => one.charCodeAt(0)).buffer
    : await (await ask(path)).arrayBuffer();
  return withColumns(facts, bytes);
}

/** What is drawn of the recorded runs of a result; that of an earlier time is read when it is wanted. @param {any} result */
export async function recordedOf(result) {
  if (!result.replays) Object.assign(result, await json(`/api/recorded/${result.id}`));
  return result;
}

/** The runs of a result, each with its slices. @param {any} result */
export async function runsOf(result) {
  await recordedOf(result);
  return Promise.all(result.replays.map((facts, number) => whole(facts, `/api/replay/${result.id}/${number}`)));
}

/** What the kernel did in one of them; null: it was not recorded. @param {any} result @param {number} number */
export async function switchesOf(result, number) {
  const facts = (await recordedOf(result)).switches[number];
  return facts && whole(facts, `/api/switches/${result.id}/${number}`);
}

/** Runs a cell; hands over every event as it comes. @param {any} request @param {(event: any) => void} take */
export async function run(request, take) {
  const answer = await ask("/api/run", request);
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  while (reader) {
    const { value, done } = await reader.read();
    rest += decoder.decode(value, { stream: !done });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) take(JSON.parse(line));
    if (done) return;
  }
}
