/** Talking to the server: calls that say what went wrong, repeated while the network or the server is away. */

const LABELLING = "/api/v1/labelling/"
const AWAY = [502, 503, 504] // the server is gone, or the database is busy: waiting mends it
const WAITS = [500, 1000, 2000, 4000, 8000]
const UNKNOWN = "Try again; if it fails again, tell the person who runs Curator. What you typed is kept."

/** The server answered that it cannot do this; asking again would not help. */
export class Refused extends Error {
  /** @param {number} status @param {{ problem: string, hint: string, code?: string }} answer */
  constructor(status, { problem, hint, code }) {
    super(problem)
    this.status = status
    this.problem = problem
    this.hint = hint
    this.code = code
  }
}

/** What went wrong and what to do next, for any error of a call. @param {unknown} error */
export function sentences(error) {
  if (error instanceof Refused) return `${error.problem} ${error.hint}`
  return "The server does not answer. Try again."
}

export class Server {
  /** @param {Record<string, unknown>} common what every call says @param {string} [prefix] of the addresses */
  constructor(common, prefix = LABELLING) {
    this.common = common
    this.prefix = prefix
  }

  /**
   * The answer to one call; throws `Refused`, or a TypeError when the server is silent.
   *
   * @param {string} name
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async call(name, body = {}) {
    const response = await fetch(this.prefix + name, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...this.common, ...body }),
    })
    const answer = await response.json().catch(() => null)
    if (AWAY.includes(response.status)) throw new TypeError(answer?.problem ?? `the server answered ${response.status}`)
    if (response.ok && answer) return answer
    const unknown = { problem: `The server could not do this (${response.status}).`, hint: UNKNOWN }
    throw new Refused(response.status, answer?.problem ? answer : unknown)
  }

  /**
   * The same, repeated until the server has answered; `onwait` is told how often it was tried in vain.
   *
   * @param {string} name
   * @param {object} body
   * @param {(tries: number) => void} onwait
   */
  async insist(name, body, onwait) {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.call(name, body)
      } catch (error) {
        if (error instanceof Refused) throw error
        onwait(tries + 1)
        await new Promise((go) => setTimeout(go, WAITS[Math.min(tries, WAITS.length - 1)]))
      }
    }
  }

  /**
   * Send one last word while the page goes away; its answer is not awaited.
   *
   * @param {string} name
   * @param {object} body
   */
  farewell(name, body) {
    const sent = JSON.stringify({ ...this.common, ...body })
    navigator.sendBeacon(this.prefix + name, new Blob([sent], { type: "application/json" }))
  }
}
