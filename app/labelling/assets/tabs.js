/** One tab at a time: a second tab of the same person only reads until it is told to go on. */

export class Tabs {
  /** @param {string} name @param {() => void} onchange */
  constructor(name, onchange) {
    this.id = crypto.getRandomValues(new Uint32Array(1))[0]
    this.active = true
    this.onchange = onchange
    this.channel = new BroadcastChannel(`curator labelling ${name}`)
    this.channel.onmessage = ({ data }) => this.hear(data)
    this.channel.postMessage({ kind: "hello", id: this.id })
  }

  /** @param {{ kind: "hello" | "busy" | "take", id: number }} message */
  hear({ kind, id }) {
    if (id === this.id) return
    if (kind === "hello" && this.active) this.channel.postMessage({ kind: "busy", id: this.id })
    else if (kind === "busy" || kind === "take") this.set(false)
  }

  /** Continue in this tab; the other one becomes read-only. */
  take() {
    this.channel.postMessage({ kind: "take", id: this.id })
    this.set(true)
  }

  /** @param {boolean} active */
  set(active) {
    if (this.active === active) return
    this.active = active
    this.onchange()
  }

  close() {
    this.channel.close()
  }
}
