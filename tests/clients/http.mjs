// The official TypeScript client over HTTP, with a user and a model: node http.mjs CLIENT MODE SHOP [ASKER]; prints JSON.
const [, , folder, mode, shop, asker] = process.argv
const { Client, StreamableHTTPClientTransport } = await import(`${folder}/dist/index.mjs`)

const connected = async url => {
  const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} }
  const client = new Client({ name: 'tester', version: '1' }, { capabilities, versionNegotiation: { mode } })
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    const fields = Object.entries(params.requestedSchema.properties)
    const content = Object.fromEntries(fields.map(([name, spot]) => [name, spot.default ?? (spot.type === 'boolean' ? true : 'Ada')]))
    return { action: 'accept', content }
  })
  client.setRequestHandler('sampling/createMessage', async ({ params }) => ({
    role: 'assistant', model: 'm', content: { type: 'text', text: `up to ${params.maxTokens}` },
  }))
  client.setRequestHandler('roots/list', async () => ({ roots: [{ uri: 'file:///work' }] }))
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  return client
}

const got = {}
const buyer = await connected(shop)
const steps = []
got.version = buyer.getServerVersion()?.version
got.tools = (await buyer.listTools()).tools.map(tool => tool.name)
got.sum = (await buyer.callTool({ name: 'add', arguments: { a: 2, b: 40 } })).structuredContent
got.refused = (await buyer.callTool({ name: 'order', arguments: { item: 'cake' } })).isError
got.baked = (await buyer.callTool({ name: 'bake', arguments: { minutes: 2 } }, { onprogress: p => steps.push(p.progress) })).content[0].text
got.steps = steps
got.order = (await buyer.readResource({ uri: 'shop://orders/7' })).contents[0].text
got.completed = (await buyer.complete({ ref: { type: 'ref/prompt', name: 'haggle' }, argument: { name: 'item', value: 'te' } })).completion.values
got.unknown = await buyer.callTool({ name: 'steal' }).then(() => 0, error => error.code)
await buyer.close()

if (asker) {
  const user = await connected(asker)
  const text = async (name, args = {}) => (await user.callTool({ name, arguments: args })).content[0].text
  got.asked = mode === 'legacy'
    ? { elicitation: await text('test_elicitation', { message: 'who?' }), sampling: await text('test_sampling', { prompt: 'x' }), resumed: await text('test_reconnection') }
    : { elicitation: await text('test_input_required_result_elicitation'), sampling: await text('test_input_required_result_sampling'), rounds: await text('test_input_required_result_multi_round') }
  await user.close()
}
console.log(JSON.stringify(got))
