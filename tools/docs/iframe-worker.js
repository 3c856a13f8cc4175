// Browsers start no worker for a page that is opened from disk, and the search is one. There, a hidden frame stands in: the
// script's `self` is the frame's window, and what either side posts is handed to the other's `onmessage`.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(address) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.ready = new Promise((resolve, reject) => {
        this.frame.onload = () => {
          const script = this.frame.contentDocument.createElement("script");
          this.frame.contentWindow.postMessage = (data) => this.onmessage?.({ data });
          script.onload = resolve;
          script.onerror = reject;
          script.src = new URL(address, document.baseURI);
          this.frame.contentDocument.body.append(script);
        };
      });
      this.ready.catch((event) => this.onerror?.(event));
      document.body.append(this.frame);
    }

    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow?.onmessage({ data: structuredClone(data) }), () => {});
    }

    terminate() {
      this.frame.remove();
    }
  };
}
