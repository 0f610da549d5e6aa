/** Talking to the server: calls that say what went wrong, repeated while the network or the server is away. */

const PREFIX = "/api/v1/labelling/"
const AWAY = [502, 503, 504] // nobody is there, or the database is busy: waiting mends it
const WAITS = [500, 1000, 2000, 4000, 8000]

/** The server answered that it cannot do this; asking again would not help. */
export class Refused extends Error {
  constructor(status, { problem, hint, code }) {
    super(problem)
    Object.assign(this, { status, problem, hint, code })
  }
}

export class Server {
  constructor({ project, person }) {
    this.common = { project, person }
  }

  /** The answer to one call; throws `Refused`, or a TypeError when nobody answers. */
  async call(name, body = {}, options = {}) {
    const response = await fetch(PREFIX + name, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...this.common, ...body }),
      ...options,
    })
    const answer = await response.json().catch(() => null)
    if (AWAY.includes(response.status)) throw new TypeError(answer?.problem ?? `the server answered ${response.status}`)
    if (response.ok && answer) return answer
    throw new Refused(
      response.status,
      answer?.problem
        ? answer
        : {
            problem: `The server could not do this (${response.status}).`,
            hint: "Try again; if it fails again, tell whoever runs Curator. What you typed is kept.",
          },
    )
  }

  /** The same, repeated until the server has answered; `onwait` is told how often it was tried in vain. */
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

  /** One last word while the page goes away; nobody waits for an answer. */
  farewell(name, body) {
    const sent = JSON.stringify({ ...this.common, ...body })
    navigator.sendBeacon(PREFIX + name, new Blob([sent], { type: "application/json" }))
  }
}
