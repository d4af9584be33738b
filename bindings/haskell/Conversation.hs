-- Both ends of the conversation that every language has with every other (tests/languages/README.md).
module Main where

import Anysock
import Control.Concurrent (forkIO, newEmptyMVar, putMVar, takeMVar, threadDelay)
import Control.Exception (IOException, try)
import Control.Monad (forever, void, when)
import Foreign hiding (void)
import Foreign.C.String
import Foreign.C.Types (CSize)
import System.Environment (getArgs)
import System.IO

patience :: Int64
patience = 30 * ANYSOCK_SECOND

mebibyte :: Int
mebibyte = 1048576

name :: Int64 -> IO String
name code = anysock_error_name code >>= peekCString

check :: IO Int64 -> IO Int64
check call = do
  code <- call
  when (code < 0) (name code >>= ioError . userError)
  return code

run :: IO Int64 -> IO ()
run = void . check

-- RFC 1950.
checksum :: Ptr Word8 -> Int -> IO Int64
checksum place count = go 0 1 0
  where
    go at a b
      | a `seq` b `seq` at == count = return (b * 65536 + a)
      | otherwise = do
          byte <- peekByteOff place at :: IO Word8
          let next = (a + fromIntegral byte) `mod` 65521
          go (at + 1) next ((b + next) `mod` 65521)

-- Reads to the end, into memory of two MiB; how many bytes.
readToEnd :: Int64 -> Ptr Word8 -> IO Int
readToEnd socket place = go 0
  where
    go have = do
      count <- check (anysock_read socket (plusPtr place have) (fromIntegral (2 * mebibyte - have)))
      if count == 0 then return have else go (have + fromIntegral count)

writeAll :: Int64 -> Ptr Word8 -> Int -> IO ()
writeAll socket place count = run (anysock_write_all socket place (fromIntegral count))

readOne :: Int64 -> IO String
readOne socket = alloca (\place -> anysock_read socket (place :: Ptr Word8) 1) >>= name

text :: (CString -> CSize -> IO Int64) -> IO String
text ask = allocaBytes 64 (\place -> check (ask place 64) >> peekCString place)

opened :: IO Int64
opened = check (withCString "tcp" anysock_open)

-- The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
answer :: Ptr Word8 -> Int64 -> IO ()
answer room client = do
  count <- readToEnd client room
  total <- checksum room count
  withCStringLen (show count ++ " " ++ show total ++ "\n") (\(line, size) -> writeAll client (castPtr line) size)
  writeAll client room count

serve :: String -> IO ()
serve address = allocaBytes (2 * mebibyte) $ \room -> do
  listener <- opened
  run (withCString address (anysock_bind listener))
  run (anysock_listen listener 0)
  text (anysock_local_address listener) >>= putStrLn . ("listening on " ++)
  hFlush stdout
  forever $ do
    client <- check (anysock_accept listener)
    result <- try (answer room client) :: IO (Either IOException ())
    either (hPutStrLn stderr . show) return result
    run (anysock_close client)

-- The client: a line for each step.
talk :: String -> String -> IO ()
talk address nobody = allocaBytes (2 * mebibyte) $ \room -> do
  other <- opened
  withCString nobody (anysock_connect other) >>= name >>= putStrLn . ("refused " ++)
  run (anysock_close other)
  server <- opened
  let timeout time = run (withCString ANYSOCK_OPT_TIMEOUT (\option -> anysock_set server option time))
  timeout patience
  run (withCString ("localhost:" ++ port) (anysock_connect server))
  text (anysock_peer_address server) >>= putStrLn . ("connected " ++)
  timeout (50 * ANYSOCK_MILLISECOND)
  readOne server >>= putStrLn . ("silence " ++)
  timeout patience
  mapM_ (\at -> pokeByteOff room at (fromIntegral (at `mod` 251) :: Word8)) [0 .. mebibyte - 1]
  writeAll server room mebibyte
  run (anysock_shutdown server ANYSOCK_SHUT_WRITE)
  ready server >>= putStrLn . ("ready" ++)
  hear room server
  cancelled >>= putStrLn . ("cancelled " ++)
  run (anysock_close server)
  readOne server >>= putStrLn . ("gone " ++)
  where
    port = reverse (takeWhile (/= ':') (reverse address))

pair :: IO (Int64, Int64)
pair = alloca $ \first -> alloca $ \second -> do
  run (withCString "tcp" (\kind -> anysock_pair kind first second))
  (,) <$> peek first <*> peek second

-- Which of two has something to read: one to whom nobody speaks, or the server.
ready :: Int64 -> IO String
ready server = do
  (idle, other) <- pair
  found <- withArray [idle, server] $ \both -> allocaBytes sizeof_anysock_handles $ \set -> do
    pokeByteOff set anysock_handles_count (2 :: Int64)
    pokeByteOff set anysock_handles_handles both
    run (anysock_select set nullPtr nullPtr patience)
    mapM (\(word, socket) -> (\has -> if has == 1 then word else "") <$> anysock_handles_has set socket) [(" idle", idle), (" server", server)]
  mapM_ (run . anysock_close) [idle, other]
  return (concat found)

hear :: Ptr Word8 -> Int64 -> IO ()
hear room server = do
  count <- readToEnd server room
  line <- takeWhile (/= 10) <$> peekArray 64 room
  let start = length line + 1
  total <- checksum (plusPtr room start) (count - start)
  putStrLn ("answer " ++ map (toEnum . fromIntegral) line)
  putStrLn ("echo " ++ show (count - start) ++ " " ++ show total)

cancelled :: IO String
cancelled = do
  (idle, other) <- pair
  result <- newEmptyMVar
  _ <- forkIO (readOne idle >>= putMVar result)
  threadDelay 20000
  run (anysock_close idle)
  said <- takeMVar result
  run (anysock_close other)
  -- Else the thread came too late to be blocked.
  if said == "EBADF" then cancelled else return said

main :: IO ()
main = do
  arguments <- getArgs
  case arguments of
    ["listen", address] -> serve address
    ["talk", address, nobody] -> talk address nobody
    _ -> hPutStrLn stderr "usage: conversation listen ADDRESS | conversation talk ADDRESS NOBODY"
