// The only door to the server: `/admin` beside this page, with the key of this tab.

const KEY = "leanserve.key";
const TENANT = "leanserve.tenant";
const ADMIN = new URL("../admin/", import.meta.url);

/** What the server said instead of an answer. `status` 0: it could not be reached. */
export class Fault extends Error {
  constructor(status, message, param = null) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

export const key = () => sessionStorage.getItem(KEY);
export const tenant = () => sessionStorage.getItem(TENANT) ?? "";

export function enter(text, named) {
  sessionStorage.setItem(KEY, text);
  sessionStorage.setItem(TENANT, named);
}

export function leave() {
  sessionStorage.removeItem(KEY);
  sessionStorage.removeItem(TENANT);
}

/** The JSON of `/admin/<path>`. Raises `Fault`, and AbortError once `signal` says so. */
export async function ask(path, parameters = {}, signal = undefined) {
  const url = new URL(path, ADMIN);
  const all = tenant() ? { ...parameters, tenant: tenant() } : parameters;
  for (const [name, value] of Object.entries(all)) {
    url.searchParams.set(name, value);
  }
  const answer = await sent(url, signal);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Fault(answer.status, body?.error?.message ?? `the server answered ${answer.status}`, body?.error?.param);
  }
  return body;
}

async function sent(url, signal) {
  const headers = { authorization: `Bearer ${key() ?? ""}` };
  const options = { headers, signal, credentials: "omit", redirect: "error", referrerPolicy: "no-referrer" };
  try {
    return await fetch(url, { ...options, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new Fault(0, "the server cannot be reached");
  }
}
