"""A board_server to talk to (see board_server.c), for the tests that need one."""
import subprocess


class Server:
    def __init__(self, program, listen="127.0.0.1:0", token_file="-", timeout_ms=0):
        self.process = subprocess.Popen([program, listen, str(token_file), str(timeout_ms)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server did not start on {listen}: {self.process.wait()}")
        self.port = int(line)

    def tell(self, line):
        """Obeyed when this returns; how many files the server has open."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline().split()[1])

    def stop(self):
        self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            self.stop()
        finally:
            self.process.kill()
