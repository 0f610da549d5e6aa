/** Talking to the server: calls that say what went wrong, repeated while the network or the server is away. */

const PREFIX = "/api/v1/labelling/"
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
    if (response.status >= 500 && response.status !== 503) throw new TypeError(`the server answered ${response.status}`)
    const answer = await response.json()
    if (!response.ok) {
      if (response.status === 503) throw new TypeError(answer.problem)
      throw new Refused(response.status, answer)
    }
    return answer
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
