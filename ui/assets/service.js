// Everything that the page asks of the service.
// In: a path below api/ on the page's own origin, a query or a body. Out: JSON, or an error that says what went wrong:
// `SignIn` (who are you?), `Away` (nobody answers), `Problem` (the service's own words). Media come from the HTTP API's own port.

export class SignIn extends Error {}

export class Away extends Error {}

export class Problem extends Error {
  constructor(told, status) {
    super(told);
    this.status = status;
  }
}

const GONE = [502, 503, 504];

export class Service {
  #ticket = ''; // with accounts, what media addresses carry: their elements send no headers
  #media;

  // `told(error, path)` hears of every answer: null, or what was thrown. `silent` is what is said when there is none.
  constructor(httpPort, told, silent) {
    this.#media = `${location.protocol}//${location.hostname}:${httpPort}/tracks/`;
    Object.assign(this, { told, silent });
  }

  set token(token) {
    this.#ticket = token ? `?token=${encodeURIComponent(token)}` : '';
  }

  get(path, query = {}, options = {}) {
    return this.#ask('GET', path + search(query), options);
  }

  post(path, body, options = {}) {
    return this.#ask('POST', path, { ...options, body });
  }

  put(path, body) {
    return this.#ask('PUT', path, { body });
  }

  remove(path) {
    return this.#ask('DELETE', path, {});
  }

  cover(id) {
    return `${this.#media}${encodeURIComponent(id)}/cover${this.#ticket}`;
  }

  audio(id) {
    return `${this.#media}${encodeURIComponent(id)}/audio${this.#ticket}`;
  }

  async #ask(method, path, options) {
    try {
      const answer = await this.#answer(method, path, options);
      this.told(null, path);
      return answer;
    } catch (error) {
      if (error.name !== 'AbortError') this.told(error, path);
      throw error;
    }
  }

  async #answer(method, path, { body, signal }) {
    const asked = { method, signal };
    if (body !== undefined) asked.body = JSON.stringify(body);
    if (body !== undefined) asked.headers = { 'Content-Type': 'application/json' };
    const answer = await fetch(`api/${path}`, asked).catch((error) => {
      throw error.name === 'AbortError' ? error : new Away(this.silent);
    });
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    throw await fault(answer);
  }
}

async function fault(answer) {
  const told = (await answer.json().catch(() => null))?.detail;
  const words = typeof told === 'string' ? told : `${answer.status}`;
  if (answer.status === 401) return new SignIn(words);
  return GONE.includes(answer.status) ? new Away(words) : new Problem(words, answer.status);
}

function search(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}
