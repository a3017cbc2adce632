// Search in a page that was opened as a file: browsers start no worker there, so the worker's script
// runs in a frame that is not shown, and speaks through the same two calls.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      this.inside = new Promise((started) => {
        frame.onload = () => {
          const inside = frame.contentWindow;
          inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          const script = inside.document.createElement("script");
          script.src = new URL(url, location);
          script.onload = () => started(inside);
          inside.document.body.append(script);
        };
      });
      frame.hidden = true;
      frame.title = "search";
      frame.srcdoc = "<body></body>";
      document.body.append(frame);
    }

    postMessage(data) {
      this.inside.then((to) => to.dispatchEvent(new to.MessageEvent("message", { data })));
    }
  };
