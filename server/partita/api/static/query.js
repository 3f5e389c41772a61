"use strict";
// Queries and mutations go over POST, subscriptions over one WebSocket each (graphql-transport-ws).

const FIRST_QUERY = `# Everything is described: press Ctrl-Space, or open the schema on the left.
query Overview {
  server { version queue { queued running maxConcurrent } }
  workspace { codeLocations { name status error { message } } }
  runs(first: 10) { nodes { id jobName status createdAt duration } }
}
`;

function isSubscription(params) {
  const document = GraphiQL.GraphQL.parse(params.query);
  const operations = document.definitions.filter((each) => each.kind === "OperationDefinition");
  const chosen = operations.find((each) => !params.operationName || each.name?.value === params.operationName);
  return chosen?.operation === "subscription";
}

async function post(params, options) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json", ...options?.headers },
    body: JSON.stringify(params),
  });
  return response.json();
}

function subscribe(params) {
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`;
  return {
    subscribe(observer) {
      const socket = new WebSocket(address, "graphql-transport-ws");
      let isOver = false;
      const end = (tell) => { if (!isOver) { isOver = true; tell(); socket.close(); } };
      socket.onopen = () => socket.send(JSON.stringify({ type: "connection_init" }));
      socket.onclose = (event) => end(() => event.code === 1000 ? observer.complete() : observer.error(new Error(event.reason || "The connection was lost.")));
      socket.onmessage = (event) => {
        const message = JSON.parse(event.data);
        if (message.type === "connection_ack") socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: params }));
        else if (message.type === "ping") socket.send(JSON.stringify({ type: "pong" }));
        else if (message.type === "next") observer.next(message.payload);
        else if (message.type === "error") end(() => observer.error(message.payload));
        else if (message.type === "complete") end(() => observer.complete());
      };
      return { unsubscribe: () => end(() => {}) };
    },
  };
}

ReactDOM.createRoot(document.getElementById("root")).render(
  React.createElement(GraphiQL, {
    fetcher: (params, options) => isSubscription(params) ? subscribe(params) : post(params, options),
    defaultQuery: FIRST_QUERY,
    shouldPersistHeaders: false,
  }),
);
