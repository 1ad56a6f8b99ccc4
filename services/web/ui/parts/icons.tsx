/** The icons in use, imported one by one, and the mark of the product. Decorative: the words beside them speak. */
import type { LucideIcon } from 'lucide-react';

export {
  ArrowDown,
  ArrowUp,
  Braces,
  Check,
  ChevronDown,
  ChevronLeft,
  ChevronRight,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleSlash,
  Clock,
  Copy,
  Download,
  Ellipsis,
  FileText,
  FolderOpen,
  LoaderCircle,
  MessageSquare,
  MessageSquarePlus,
  Pencil,
  Plus,
  Quote,
  Search,
  Send,
  Square,
  ThumbsDown,
  ThumbsUp,
  Trash2,
  TriangleAlert,
  Upload,
  UserRound,
  X,
} from 'lucide-react';
export type Icon = LucideIcon;

export function Logo({ className = 'size-6' }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true">
      <rect width="32" height="32" rx="7" className="fill-accent" />
      <path
        d="M7 9h18v3.5c0 6-3.6 10.2-9 12.5-5.4-2.3-9-6.5-9-12.5zM13 9v14.2M19 9v14.2"
        fill="none"
        strokeWidth="2.2"
        strokeLinejoin="round"
        className="stroke-on-accent"
      />
    </svg>
  );
}
