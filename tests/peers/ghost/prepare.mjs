// Sets up a fresh Ghost: an owner, and an integration whose admin key the tests use. Prints peer.json.
import { randomBytes } from 'node:crypto'

const url = process.argv[2]
const email = 'owner@example.test'
const password = randomBytes(12).toString('hex')

async function post (path, content, cookie = '') {
  const headers = { 'content-type': 'application/json', 'accept-version': 'v6.0', origin: url, cookie }
  const answer = await fetch(`${url}/ghost/api/admin/${path}`, { method: 'POST', headers, body: JSON.stringify(content) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer
}

await post('authentication/setup/', { setup: [{ name: 'Owner', email, password, blogTitle: 'Bank' }] })
// A session may not be kept yet when its cookie is there.
let made
for (let left = 20; !made; left--) {
  const session = await post('session/', { username: email, password })
  const cookie = session.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ')
  try {
    made = await post('integrations/?include=api_keys', { integrations: [{ name: 'Holdline' }] }, cookie)
  } catch (error) {
    if (left === 0) throw error
    console.error(`again, ${left} left: ${error.message.slice(0, 200)}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
const keys = (await made.json()).integrations[0].api_keys
const { id, secret } = keys.find((k) => k.type === 'admin')
const contentKey = keys.find((k) => k.type === 'content').secret
console.log(JSON.stringify({ url, key: secret.includes(':') ? secret : `${id}:${secret}`, content_key: contentKey }))
