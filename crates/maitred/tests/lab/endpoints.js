// What a page of `maitred serve` finds when it asks its own server, as a browser does: returns a sentence for
// each thing that was not as expected. `endpoints`: method, path, status, bytes or null; `other`: the same
// server under another origin.
async (endpoints, other) => {
  const wrong = [];
  const expect = (what, is, found) => { if (!is) wrong.push(`${what}: ${JSON.stringify(found)}`); };
  const attempt = async (what, work) => {
    try { await work(); } catch (error) { wrong.push(`${what}: ${error}`); }
  };
  const json = async (path, options) => (await fetch(path, options)).json();

  for (const [method, path, status, bytes] of endpoints) {
    await attempt(`${method} ${path}`, async () => {
      const body = /GET|HEAD/.test(method) ? undefined : '{"a": 1}';
      const headers = body && { "Content-Type": "application/json" };
      // Without credentials nobody is asked for a name and a password.
      const answer = await fetch(path, { method, headers, body, credentials: status === 401 ? "omit" : "same-origin" });
      const found = [answer.status, (await answer.arrayBuffer()).byteLength];
      expect(`${method} ${path}`, found[0] === status && (bytes ?? found[1]) === found[1], found);
    });
  }

  for (const name of ["png", "svg"]) {
    await attempt(`an image, ${name}`, async () => {
      const image = new Image();
      image.src = `/image/${name}`;
      await image.decode();
      expect(`width of the ${name}`, image.naturalWidth > 0, image.naturalWidth);
    });
  }
  for (const [path, sign] of [["/gzip", "gzipped"], ["/deflate", "deflated"], ["/brotli", "brotli"]]) {
    await attempt(path, async () => { const found = await json(path); expect(path, found[sign] === true, found); });
  }
  await attempt("/encoding/utf8", async () => {
    const text = await (await fetch("/encoding/utf8")).text();
    expect("text beyond ASCII", text.length > 100 && !text.includes("\ufffd"), text.slice(0, 100));
  });
  await attempt("events", async () => {
    const found = await new Promise((done, fail) => {
      const source = new EventSource("/sse?count=3&duration=0.1"), seen = [];
      source.addEventListener("ping", (event) => {
        seen.push([event.lastEventId, JSON.parse(event.data).id]);
        if (seen.length === 3) { source.close(); done(seen); }
      });
      source.onerror = () => { source.close(); fail(new Error(`it broke off after ${seen.length}`)); };
    });
    expect("events", JSON.stringify(found) === '[["0",0],["1",1],["2",2]]', found);
  });
  await attempt("a stream", async () => {
    const reader = (await fetch("/stream-bytes/300000?chunk_size=7")).body.getReader();
    let bytes = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) bytes += piece.value.length;
    expect("bytes of a stream", bytes === 300000, bytes);
  });

  await attempt("cookies", async () => {
    const set = await json("/cookies/set?fruit=apple&a=b");
    expect("cookies that the server has back", set.cookies.fruit === "apple" && set.cookies.a === "b", set);
    expect("cookies of the page", document.cookie.includes("fruit=apple"), document.cookie);
    const left = await json("/cookies/delete?fruit");
    expect("cookies after one is deleted", left.cookies.fruit === undefined && left.cookies.a === "b", left);
  });
  await attempt("redirects", async () => {
    for (const path of ["/redirect/3", "/absolute-redirect/3", "/redirect-to?url=/get&status_code=307"]) {
      const answer = await fetch(path);
      expect(path, answer.redirected && answer.url === `${location.origin}/get`, answer.url);
    }
    const posted = await json("/redirect-to?url=/anything&status_code=308", { method: "POST", body: "kept" });
    expect("a POST after 308", posted.method === "POST" && posted.data === "kept", posted);
    const manual = await fetch("/redirect/1", { redirect: "manual" });
    expect("a redirect that is not followed", manual.type === "opaqueredirect", manual.type);
  });
  await attempt("a range", async () => {
    const answer = await fetch("/range/26", { headers: { Range: "bytes=3-7" } });
    const found = [answer.status, await answer.text(), answer.headers.get("Content-Range")];
    expect("a range", String(found) === "206,defgh,bytes 3-7/26", found);
  });
  await attempt("what is kept", async () => {
    for (const path of ["/etag/kept", "/cache", "/cache/600"]) {
      // The second time it is asked whether it is still valid, or not asked at all: the access log tells.
      await json(path, { cache: "default" });
      expect(`${path} once more`, (await json(path, { cache: path === "/cache/600" ? "default" : "no-cache" })).url.endsWith(path));
    }
  });
  await attempt("who may", async () => {
    const allowed = await fetch("/basic-auth/u/p", { headers: { Authorization: `Basic ${btoa("u:p")}` } });
    const bearer = await fetch("/bearer", { headers: { Authorization: "Bearer secret" } });
    expect("names and tokens", allowed.status === 200 && bearer.status === 200, [allowed.status, bearer.status]);
  });
  await attempt("what the server is told", async () => {
    const told = (await json("/headers", { headers: { "X-Told": "yes" } })).headers;
    expect("headers", told["X-Told"] === "yes" && told.Host === location.host, told);
    expect("/user-agent", (await json("/user-agent"))["user-agent"] === navigator.userAgent);
    const form = new FormData();
    form.set("name", "Zoë");
    form.set("menu", new File(["soup"], "menu.txt", { type: "text/plain" }));
    const posted = await json("/post", { method: "POST", body: form });
    expect("a form", posted.form.name === "Zoë" && posted.files.menu === "soup", posted);
    const short = await json("/put", { method: "PUT", body: new URLSearchParams({ q: "a&b" }) });
    expect("a short form", short.form.q === "a&b", short);
  });
  await attempt("another origin", async () => {
    // Asked beforehand by OPTIONS, because of the method and of the header.
    const found = await json(`${other}/put`, { method: "PUT", headers: { "X-Told": "yes" }, body: "far" });
    expect("another origin", found.data === "far" && found.headers["X-Told"] === "yes", found);
  });
  await attempt("many at once", async () => {
    const all = await Promise.all(Array.from({ length: 60 }, (_, n) => json(`/anything/${n}?n=${n}`)));
    expect("many at once", all.every((one, n) => one.args.n === String(n)), all.length);
  });

  for (const kind of ["reset", "close", "truncate", "chunk", "garbage"]) {
    const found = await fetch(`/fault/${kind}`).then((answer) => answer.text()).catch((error) => error);
    expect(`/fault/${kind}`, found instanceof TypeError, found);
  }
  const hung = await fetch("/fault/hang", { signal: AbortSignal.timeout(300) }).catch((error) => error);
  expect("/fault/hang", hung.name === "TimeoutError", String(hung));
  return wrong;
}
