// Who wants to know of what happens, without either knowing the other.
// In: a name and what to tell. Out: calls of those who asked for it; one that fails does not keep it from the others.

export class Signals {
  #wanted = new Map();

  // Returns a function that ends it.
  on(name, tell) {
    if (!this.#wanted.has(name)) this.#wanted.set(name, new Set());
    this.#wanted.get(name).add(tell);
    return () => this.#wanted.get(name).delete(tell);
  }

  say(name, detail) {
    for (const tell of [...(this.#wanted.get(name) ?? [])]) {
      try {
        tell(detail);
      } catch (error) {
        console.error(error);
      }
    }
  }
}
