/** What happens by itself, once a second: time is counted, the lease runs, and the server hears a sign of life. */

import { Refused } from "./server.js"

/** @import { Screen } from "./screen.js" */

const IDLE_SECONDS = 60
const BEAT_SECONDS = 60
const SIGNS = ["keydown", "pointerdown", "wheel"]

export class Pulse {
  /** @param {Screen} screen */
  constructor(screen) {
    this.screen = screen
    this.touched = Date.now()
    this.touch = () => {
      this.touched = Date.now()
    }
    for (const kind of SIGNS) document.addEventListener(kind, this.touch, { passive: true })
    this.timer = setInterval(() => this.tick(), 1000)
  }

  close() {
    clearInterval(this.timer)
    for (const kind of SIGNS) document.removeEventListener(kind, this.touch)
  }

  tick() {
    const { screen } = this
    if (!screen.open) return
    const isIdle = Date.now() - this.touched >= IDLE_SECONDS * 1000
    if (!isIdle && document.visibilityState === "visible" && !screen.isReadOnly) {
      screen.active.beat()
      const isDue = screen.active.seconds % BEAT_SECONDS === 0
      if (isDue && !screen.isBusy && !screen.open.elsewhere) this.renew()
    }
    if (this.measureLease()) screen.draw()
  }

  /** Count the minutes of the lease. Returns whether they are others than before. */
  measureLease() {
    const { screen } = this
    if (!screen.open) return false
    const before = screen.minutesLeft
    screen.minutesLeft = Math.max(0, Math.ceil((screen.open.expires - Date.now()) / 60_000))
    return screen.minutesLeft !== before
  }

  /** Send a sign of life, without a draft: nothing was typed for it. */
  async renew() {
    const { screen } = this
    const { open } = screen
    if (!open) return
    try {
      const sign = await screen.server.call("renew", open.claim(screen.active.seconds))
      if (open === screen.open && !screen.isBusy) screen.hear(sign)
    } catch (error) {
      if (error instanceof Refused) screen.complain(error) // a silent server hears the next one
    }
  }
}
