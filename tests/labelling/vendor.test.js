/** Files that are copied or written by hand: vendored ones are those of the pinned package, and lines are short. */

import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"

const repository = fileURLToPath(new URL("../../", import.meta.url))
const assets = join(repository, "app/labelling/assets")
const files = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))

test("every vendored file is that of the pinned package", () => {
  const vendor = join(assets, "vendor")
  const copied = files(vendor).filter((file) => file !== join(vendor, "README.md"))
  assert.ok(copied.length > 6)
  for (const file of copied) {
    const original = file.replace(vendor, join(repository, "node_modules"))
    assert.ok(readFileSync(file).equals(readFileSync(original)), file)
  }
})

test("no line is longer than 120 characters", () => {
  const written = [...files(assets), ...files(join(repository, "tests/labelling"))]
  for (const file of written.filter((each) => /\.(js|d\.ts|css)$/.test(each) && !each.includes("/vendor/"))) {
    const long = readFileSync(file, "utf8")
      .split("\n")
      .findIndex((line) => [...line].length > 120)
    assert.equal(long, -1, `${file}:${long + 1}`)
  }
})
